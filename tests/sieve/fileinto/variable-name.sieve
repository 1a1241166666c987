require ["fileinto", "variables"];
if header :matches "x-to" "*" { fileinto "${1}"; }
