require "redirect-dsn"; keep :notify "NEVER";
