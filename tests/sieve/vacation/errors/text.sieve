require "vacation"; vacation;
