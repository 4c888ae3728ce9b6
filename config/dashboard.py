def dashboard(request, context):
    return context


def navigation(request):
    return []
