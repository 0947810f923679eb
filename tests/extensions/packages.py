"""The extensions that the tests install, and what they need, at one version each."""

from __future__ import annotations

# Beside the real Flask, and in an environment without it.
IMPORTED = (
    "flask==3.1.3",
    "apiflask==3.1.2",
    "flask-admin==2.2.1",
    "flask-babel==4.0.0",
    "flask-bcrypt==1.0.1",
    "flask-caching==2.5.1",
    "flask-compress==1.25",
    "flask-cors==6.0.5",
    "flask-debugtoolbar==0.16.0",
    "flask-httpauth==4.8.1",
    "flask-jwt-extended==4.7.4",
    "flask-limiter==4.1.1",
    "flask-login==0.6.3",
    "flask-mail==0.10.0",
    "flask-marshmallow==1.5.0",
    "flask-migrate==4.1.0",
    "flask-restful==0.3.10",
    "flask-restx==1.3.2",
    "flask-session==0.8.0",
    "flask-smorest==0.47.0",
    "flask-socketio==5.7.0",
    "flask-sqlalchemy==3.1.1",
    "flask-talisman==1.1.0",
    "flask-wtf==1.3.0",
    "sentry-sdk==2.75.0",
    "sqlalchemy==2.1.9",
    "cachelib==0.17.0",
    "setuptools<81",
)
# For the apps of the matrix (`tests/extensions/served`), all in one environment.
SERVED = (
    *IMPORTED,
    "aiosmtpd==1.4.6",
    "celery==5.7.0",
    "email-validator==2.4.0",
    "flasgger==0.9.7.1",
    "flask-appbuilder==5.3.0",
    "flask-assets==2.1.0",
    "flask-dance==7.1.0",
    "flask-openapi3==4.3.2",
    "flask-security[common]==5.9.2",
    "flask-sock==0.7.0",
    "gunicorn==27.0.1",
    "marshmallow-sqlalchemy==1.6.0",
    "opentelemetry-instrumentation-flask==0.66b1",
    "opentelemetry-sdk==1.45.1",
    "prometheus-flask-exporter==0.23.2",
    "python-socketio[client]==5.18.1",
    "redis==7.4.1",
)


def version_of(package: str) -> str:
    """Return the version at which a package is installed."""
    pins = (pin.partition("==") for pin in SERVED)
    return next(version for name, _, version in pins if name.partition("[")[0] == package)
