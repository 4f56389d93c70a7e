"""The pages: each module has `routes(site)`; adding a page is adding a file. No page knows another."""
