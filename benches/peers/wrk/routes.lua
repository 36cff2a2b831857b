-- Asks for one of so many routes, drawn anew for each request.

local count

function init(arguments)
    count = tonumber(arguments[1])
    math.randomseed(os.time())
end

function request()
    return wrk.format("GET", "/route" .. math.random(0, count - 1) .. "/get")
end
