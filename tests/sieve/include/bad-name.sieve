require "include";
include "../include";
