-- Sends a body of so many bytes with each request.

function init(arguments)
    wrk.method = "POST"
    wrk.body = string.rep("x", tonumber(arguments[1]))
end
