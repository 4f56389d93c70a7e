"""The alias table of the first two seeds: a sales CRM and a WhatsApp CRM."""

from __future__ import annotations

from bot.records import dialect_values as values
from bot.records.dialect import Dialect

TABLE = (
    Dialect(
        "S1",
        "contacts",
        "contacts",
        "_id, firstName, lastName, email, phone, title, accountId, ownerId, importantDates{_id, type, label, date, year, "
        "sendTime, timezone, emailTemplateId, repeatAnnually, optOut, isActive, lastSentAt, nextSendAt, createdAt, updatedAt}, "
        "socialProfiles{_id, platform, profileUrl, profileId, displayName, headline, avatarUrl, followers, connections, "
        "isVerified, accessToken, refreshToken, tokenExpiresAt, lastSyncedAt, syncStatus, createdAt}, source, tags, "
        "customFields, createdAt, updatedAt, createdBy, updatedBy",
    ),
    Dialect(
        "S1",
        "accounts",
        "accounts",
        "_id, name, website, industry, employees, annualRevenue, address{street, city, state, country, postalCode}, "
        "intelligenceConfig{newsSubscription, alertFrequency, keywords, competitors, categories, lastAlertAt}, ownerId, "
        "parentAccountId, type, status, createdAt, updatedAt",
    ),
    Dialect(
        "S1",
        "calls",
        "calls",
        "_id, contactId, accountId, userId, type, status, direction, scheduledAt, startedAt, endedAt, duration, ctiProvider, "
        "externalCallId, dialedNumber, callerNumber, recording{url, duration, size, format, status}, transcript{status, "
        "language, text, confidence, segments{speaker, speakerId, text, startTime, endTime, confidence}, wordCount, "
        "processedAt, processingTime}, aiSummary{status, model, summary, keyPoints, actionItems{_id, description, assigneeId, "
        "dueDate, priority, status}, sentiment{overall, score, breakdown{positive, neutral, negative}, highlights{positive, "
        "concerns}}, topics, nextSteps, opportunities{type, description, estimatedValue, probability}, generatedAt, "
        "processingTime}, notes, tags, createdAt, updatedAt, createdBy",
        values={"transcript.segments.speaker": values.S1_SPEAKER},
    ),
    Dialect(
        "S1",
        "users",
        "users",
        "_id, email, passwordHash, firstName, lastName, title, phone, avatarUrl>avatar, role, permissions, "
        "preferences{timezone, language, emailNotifications>notifications.email, pushNotifications>notifications.push, theme}, "
        "isActive, lastLoginAt>lastLogin, createdAt, updatedAt",
    ),
    Dialect(
        "S2",
        "conversationthreads",
        "conversationthreads",
        "_id, conversationId, customerId, userId, threadId, messageCount, lastInteraction, lastCleanup, isActive, createdAt, "
        "updatedAt",
    ),
    Dialect(
        "S2",
        "agents",
        "users",
        "_id, email, password>passwordHash, firstName, lastName, role, status, avatar, phone, department, permissions, "
        "preferences{language, timezone, notifications{email, push, sound}, autoAssignment}, statistics{totalConversations, "
        "resolvedConversations, averageResponseTime, currentActiveConversations}, lastLogin, lastActivity, isActive, createdAt, "
        "updatedAt",
        required=("email", "password", "firstName", "lastName"),
        values={"role": values.one_of("role", "admin", "supervisor", "agent"), "permissions": values.S2_PERMISSIONS},
    ),
    Dialect(
        "S2",
        "customers",
        "customers",
        "_id, phoneNumber, firstName, lastName, email, avatar, alternativePhones, address{street, city, state, country, "
        "postalCode, coordinates{latitude, longitude}}, tags, segment, source, customFields, preferences{language, "
        "communicationHours{start, end}, preferredAgent}, status, isBlocked, blockReason, notes, statistics{totalConversations, "
        "totalMessages, totalTickets, averageResponseTime, satisfactionScore}, firstContact, lastInteraction, lastMessageAt, "
        "createdAt, updatedAt",
        required=("phoneNumber",),
    ),
    Dialect(
        "S2",
        "conversations",
        "conversations",
        "_id, customerId, assignedAgent, assignedAt, assignedBy, status, priority, category, tags, isAIEnabled, aiModel, "
        "autoResponses, channel, source, messageCount, unreadCount, lastMessage{content, timestamp, from, type}, "
        "firstResponseTime, averageResponseTime, lastAgentResponse, lastCustomerMessage, resolvedAt, resolvedBy, "
        "resolutionNotes, customerSatisfaction{rating, comment, submittedAt}, internalNotes{agent, content, timestamp, "
        "isVisible}, whatsappData{phoneNumberId, businessAccountId}, createdAt, updatedAt, closedAt",
        required=("customerId",),
        complete=values.complete_customer_conversation,
    ),
    Dialect(
        "S2",
        "messages",
        "messages",
        "_id, conversationId, customerId, content, type, direction, sender, agentId, whatsappMessageId, whatsappStatus, "
        "whatsappTimestamp, whatsappError, status, attachments{type, url, publicId, filename, mimeType, size, thumbnailUrl, "
        "duration}, location{latitude, longitude, address, name}, template{name, language, parameters, category}, "
        "interactive{type, buttons{id, title, payload}, listItems{id, title, description}}, aiProcessed, aiResponse{confidence, "
        "intent, entities, sentiment}, replyTo, isForwarded, forwardedFrom, timestamp, readAt, deliveredAt, createdAt",
        required=("conversationId", "customerId", "content", "direction", "sender"),
        values={"whatsappError": values.VENDOR_ERROR},
    ),
    Dialect(
        "S2",
        "tickets",
        "tickets",
        "_id, ticketId, customerId, conversationId, assignedAgent, subject, description, category, subcategory, priority, "
        "status, slaLevel, estimatedResolution, firstResponseTime, resolutionTime, attachments{type, url, publicId, filename, "
        "size, uploadedBy, uploadedAt}, location{latitude, longitude, address, formattedAddress, isServiceLocation}, "
        "resolution{summary, steps, resolvedBy, resolvedAt, resolutionCategory}, customerFeedback{rating, comment, submittedAt, "
        "followUpNeeded}, notes{_id, agent, content, isInternal, timestamp, attachments{type, url, publicId, filename, size, "
        "uploadedBy, uploadedAt}}, tags, labels{name, color}, escalated, escalatedTo, escalatedAt, escalationReason, "
        "relatedTickets, parentTicket, externalId, externalUrl, createdAt, updatedAt, closedAt, lastActivityAt",
    ),
    Dialect(
        "S2",
        "systemsettings",
        "systemsettings",
        "_id, key, value, description, category, isEditable, updatedBy, createdAt, updatedAt",
        key="key",
    ),
    Dialect(
        "S2",
        "activitylogs",
        "audit_log",
        "_id, entityType, entityId, action, performedBy, details, ipAddress, userAgent, timestamp",
        required=("entityType", "entityId", "action"),
        constants={"stream": "activity"},
        values={"performedBy": values.USER},
    ),
)
