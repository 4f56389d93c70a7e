"""The alias table of the last three seeds: a marketing assistant, leads and lines, cold calls."""

from __future__ import annotations

from bot.records import dialect_values as values
from bot.records.dialect import Dialect

TABLE = (
    Dialect(
        "S3",
        "users",
        "users",
        "_id, user_id, email, name, company, role, created_at, updated_at, last_login, preferences{language, timezone, "
        "notifications}, subscription{plan, status, expires_at}",
        values={"preferences.notifications": values.ANY_NOTIFICATION},
        key="userId",
    ),
    Dialect(
        "S3",
        "conversations",
        "conversations",
        "_id, conversation_id, user_id, created_at, updated_at, context{campaign_brief, collected_info, ready_to_plan}",
        constants={"kind": "assistant", "channel": "web"},
        complete=values.complete_assistant_conversation,
        key="conversationId",
    ),
    Dialect(
        "S3",
        "conversations.messages",
        "messages",
        "role>sender, content, timestamp, metadata",
        constants={"kind": "assistant"},
        values={"role": values.ROLE},
        complete=values.complete_message,
    ),
    Dialect(
        "S3",
        "user_memory",
        "user_memory",
        "_id, user_id, memory_type, content, embedding, metadata{conversation_id, timestamp, importance, category}, agent_name, "
        "created_at",
    ),
    Dialect(
        "S3",
        "agent_memory",
        "agent_memory",
        "_id, agent_name, memory_type, content, embedding, metadata{use_count, success_rate, category}, created_at, updated_at",
    ),
    Dialect(
        "S3",
        "global_memory",
        "global_memory",
        "_id, memory_type, content, embedding, metadata{industry, effectiveness_score, usage_count}, created_at, updated_at",
    ),
    Dialect(
        "S3",
        "agent_events",
        "agent_events",
        "_id, event_id, conversation_id, user_id, agent_name, event_type, data, timestamp",
        key="eventId",
    ),
    Dialect(
        "S3",
        "webhooks",
        "webhooks",
        "_id, user_id, webhook_id, name, url, events, secret, active, last_triggered, created_at",
        key="webhookId",
    ),
    Dialect(
        "S3",
        "scheduled_jobs",
        "scheduled_jobs",
        "_id, job_id, user_id, job_type, payload, schedule{execute_at, recurring, cron_expression}, status, attempts, "
        "max_attempts, result, error, created_at, executed_at",
        key="jobId",
    ),
    Dialect(
        "S3",
        "audit_log",
        "audit_log",
        "_id, user_id>performedBy, action, resource_type>entityType, resource_id>entityId, details, ip_address, user_agent, "
        "timestamp",
        constants={"stream": "security"},
        values={"user_id": values.USER},
    ),
    Dialect(
        "S4",
        "organizations",
        "organizations",
        "clerkOrgId, freeLinesIncluded, freeLinesUsed, totalLinesPurchased, totalLinesCount",
        key="clerkOrgId",
    ),
    Dialect(
        "S4",
        "lines",
        "lines",
        "_id, workspaceId, createdByUserId, createdUserId, phone, email, firstName, lastName, profileImageUrl, isActive, "
        "provisioningStatus, provisioningSubmittedAt, estimatedReadyAt, billingType, dailyNewConversationsLimit, "
        "dailyTotalMessagesLimit, usage{date, newConversationsCount, totalMessagesCount}, createdAt, updatedAt",
    ),
    Dialect(
        "S4",
        "leads",
        "leads",
        "_id, firstName, lastName, email, phone, companyName, jobTitle, linkedinUrl, notes, customFields, "
        "integrationIds{hubspotRecordId, salesforceRecordId, googleSheetsRowId}, listId, userId, source, createdAt, updatedAt",
        required=("firstName", "lastName", "email", "phone"),
    ),
    Dialect(
        "S4",
        "lists",
        "lists",
        "_id, name, description, userId, leadCount, createdAt, updatedAt",
    ),
    Dialect(
        "S4",
        "import_jobs",
        "import_jobs",
        "_id, type, status, totalRecords, processedRecords, successfulRecords, failedRecords, errors{row, field, message}, "
        "fileName, fileSize, integrationConfigId, listId, userId, createdAt, updatedAt, completedAt",
    ),
    Dialect(
        "S5",
        "users",
        "users",
        "id>_id, username, email, password_hash, first_name, last_name, role, is_active, created_at, updated_at",
        required=("username", "email", "password_hash", "role"),
        values={"id": values.NUMBER},
    ),
    Dialect(
        "S5",
        "leads",
        "leads",
        "id>_id, first_name, last_name, phone_number>phoneE164, email, language_preference, lead_source, status, dnd_status, "
        "dnd_checked_at, notes, created_at, updated_at",
        required=("phone_number",),
        constants={"source": "call"},
        values={"id": values.NUMBER, "phone_number": values.DIAL_KEY},
        complete=values.complete_lead,
    ),
    Dialect(
        "S5",
        "calls",
        "calls",
        "id>_id, campaign_lead_id, twilio_call_id>externalCallId, start_time>startedAt, end_time>endedAt, duration, status, "
        "recording_url>recording.url, call_cost, created_at, updated_at",
        constants={"ctiProvider": "twilio", "type": "outbound", "direction": "outbound"},
        values={"id": values.NUMBER, "campaign_lead_id": values.NUMBER},
    ),
    Dialect(
        "S5",
        "conversations",
        "conversations",
        "id>_id, call_id, transcript, sentiment_score, intent, outcome, created_at, updated_at",
        constants={"kind": "call", "channel": "voice"},
        values={"id": values.NUMBER, "call_id": values.NUMBER},
        complete=values.complete_call_conversation,
    ),
    Dialect(
        "S5",
        "conversation_segments",
        "messages",
        "id>_id, conversation_id, speaker>sender, content, start_time, end_time, sentiment_score, created_at>timestamp",
        constants={"kind": "call"},
        values={"id": values.NUMBER, "conversation_id": values.NUMBER, "speaker": values.S5_SPEAKER},
        complete=values.complete_message,
    ),
    Dialect(
        "S5",
        "callbacks",
        "callbacks",
        "id>_id, lead_id, campaign_id, requested_time, status, notes, created_at, updated_at",
        values={"id": values.NUMBER, "lead_id": values.NUMBER, "campaign_id": values.NUMBER},
    ),
    Dialect(
        "S5",
        "knowledge_base",
        "knowledge_base",
        "id>_id, category, question, answer, language, created_by, is_active, created_at, updated_at",
        values={"id": values.NUMBER, "created_by": values.NUMBER},
    ),
    Dialect(
        "S5",
        "audit_logs",
        "audit_log",
        "id>_id, user_id>performedBy, action, entity_type, entity_id, details, ip_address, created_at>timestamp",
        required=("action", "entity_type"),
        constants={"stream": "security"},
        values={"id": values.NUMBER, "user_id": values.USER_NUMBER, "entity_id": values.NUMBER},
    ),
)
