"""Alerts to MQTT, for Home Assistant and what else speaks it."""
