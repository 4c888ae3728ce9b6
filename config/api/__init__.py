"""What every resource of the REST API shares. Modules named in settings must not import rest_framework.views."""
