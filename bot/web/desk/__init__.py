"""The operators' desk: what an open page is told, and what it is made of."""
