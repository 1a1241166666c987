require ["include", "variables", "fileinto"];
global "shared";
if string "${shared}" "" { discard; }
set "shared" "script";
