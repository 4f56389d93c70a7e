"""Every record, declared once in the file of its subject. No I/O here."""
