require "include";
include "broken-outer";
