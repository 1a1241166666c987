require "include";
include :personal "inner";
