require "include";
include :personal "outer";
