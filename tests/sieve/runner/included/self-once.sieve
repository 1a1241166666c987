require "include";
include :once "self-once";
keep;
