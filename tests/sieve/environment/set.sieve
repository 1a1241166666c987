require ["environment", "variables"]; set "env.name" "x";
