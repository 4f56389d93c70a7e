"""The supervisors' page: its figures as words and plots, and its lists."""
