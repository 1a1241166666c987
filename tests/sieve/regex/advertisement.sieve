require ["regex", "body"];
if body :raw :regex "free.*(money|cash)" { discard; }
