"""No URLs of Django's own."""

urlpatterns: list[object] = []
