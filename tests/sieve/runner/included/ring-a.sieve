require "include";
include "ring-b";
