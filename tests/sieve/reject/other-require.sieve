require "reject"; ereject "no";
