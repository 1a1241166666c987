require "include";
include :optional "nowhere";
discard;
