"""The settings that a Django project cannot do without."""

SECRET_KEY = "only for measuring"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django_bolt"]
ROOT_URLCONF = "benchmarks.servers.apps.bolt.urls"
USE_TZ = True
# django-bolt looks by itself only in a project that is a package of its own.
BOLT_API = ["benchmarks.servers.apps.bolt.api:api"]
