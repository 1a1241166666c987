require ["vacation", "fileinto"]; vacation "one"; keep; fileinto "x"; redirect "a@example.net"; discard;
