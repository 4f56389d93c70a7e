"""Where records live: one narrow port, one file per engine."""
