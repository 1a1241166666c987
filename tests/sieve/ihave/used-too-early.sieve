require "ihave";
fileinto "a";
if ihave "fileinto" { keep; }
