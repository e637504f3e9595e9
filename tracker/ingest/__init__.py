"""The doors: webhooks, polls, links, conversions, files. Whatever comes in goes to the inbox, untouched."""
