from django.urls import path

from actions.views import Go

urlpatterns = [path("<path:token>/", Go.as_view(), name="go")]
