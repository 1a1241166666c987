require "include";
include "back";
