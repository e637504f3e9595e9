"""The API: what is counted, what is alerted, what is defined, over HTTP, for people's programs and the dashboard."""
