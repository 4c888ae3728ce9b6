"""Where everybody reads what we learnt."""

from django.urls import path

from retros import public

urlpatterns = [
    path("", public.index, name="learnings"),
    path("feed.atom", public.atom, name="learnings-atom"),
    path("feed.rss", public.rss, name="learnings-rss"),
    path("feed.json", public.json_feed, name="learnings-json"),
    path("<slug:slug>/", public.learning, name="learning"),
    path("<slug:slug>/earlier/<int:number>/", public.earlier, name="learning-earlier"),
]
