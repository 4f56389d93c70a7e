"""Use cases, one file per subject: the only writers of business records."""
