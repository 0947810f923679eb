"""A Django project whose API is served by django-bolt."""
