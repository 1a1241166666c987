require "reject";

reject "no, thank you";
