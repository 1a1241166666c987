require "include";
include "ring-a";
