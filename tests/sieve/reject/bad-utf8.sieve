require "reject"; reject "ÿ";
