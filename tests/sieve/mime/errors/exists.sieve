require "mime";
if exists :mime :type "Content-Type" { stop; }
