require "include";
include "stop";
discard;
