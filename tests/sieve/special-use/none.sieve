require "special-use"; if specialuse_exists { discard; }
