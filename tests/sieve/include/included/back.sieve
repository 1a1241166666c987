require "include";
include "there";
