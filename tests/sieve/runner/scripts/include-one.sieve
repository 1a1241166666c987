require "include";
include :personal "one";
