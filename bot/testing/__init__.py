"""The kit for tests, shipped to users: scripted model, fake servers, clock, scenes, contract suites."""
