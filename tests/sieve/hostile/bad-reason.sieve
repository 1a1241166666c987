require ["reject", "variables"];
if header :matches "subject" "*" { reject "${1}"; }
