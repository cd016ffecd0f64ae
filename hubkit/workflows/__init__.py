"""The user stories, each as a few readable steps."""
