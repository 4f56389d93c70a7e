"""Switchboard: one dialogue engine behind WhatsApp, the telephone and a web page."""
