"""The desk (审核工作台): the pages where people work on cases, look at standings, and leave a trace of both."""
