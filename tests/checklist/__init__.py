"""The seeds' checklist as tests: each line that can be parsed runs against the declarations and a real store."""
