"""The watcher: gathers what is known of a campaign, has the rules judge it, keeps the alerts, and tells of them."""
