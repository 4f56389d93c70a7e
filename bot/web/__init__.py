"""The web server: pages and webhooks over the services."""
